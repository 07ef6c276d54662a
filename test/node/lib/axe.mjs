// What keeps people from using a page, found by axe in both colour schemes.
import axe from 'axe-core';

/** axeFinds lists what axe finds, each as "scheme: rule: element"; nothing is []. */
export async function axeFinds(page) {
  const found = [];
  await page.evaluate(axe.source);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await page.evaluate(() => window.axe.run());
    for (const { id, nodes } of violations) found.push(...nodes.map((n) => `${colorScheme}: ${id}: ${n.html}`));
  }
  return found;
}
