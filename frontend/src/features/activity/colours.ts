/** What a canvas is painted with: it cannot ask the style sheet itself. */
export interface Colours {
  readonly accent: string
  readonly bad: string
  readonly quiet: string
  readonly soft: string
  readonly line: string
  readonly font: string
}

/** The colours as they count at an element now; with forced colours, the system's own. */
export function coloursOf(element: HTMLElement): Colours {
  const style = getComputedStyle(element)
  const font = style.fontFamily
  if (matchMedia('(forced-colors: active)').matches) {
    const only = style.color
    return { accent: only, bad: only, quiet: only, soft: 'GrayText', line: only, font }
  }
  const probe = document.createElement('span')
  element.append(probe)
  const named = (name: string) => {
    probe.style.color = `var(--${name})`
    return getComputedStyle(probe).color
  }
  const colours = {
    accent: named('accent-text'),
    bad: named('bad'),
    quiet: named('quiet'),
    soft: named('edge'),
    line: named('line'),
    font,
  }
  probe.remove()
  return colours
}
