import { sleep } from './part.mjs';

// patient does something at a server through drawbridge, again while it says that
// the server has not answered yet: then nothing was sent. The first connection has
// ten seconds, one that is tried again 900 ms: for the keychain, a renewal and the
// server. On a machine that does much else one of them takes longer now and then.
export async function patient(act) {
  for (const until = Date.now() + 60_000; ;) {
    try {
      return await act();
    } catch (error) {
      if (!String(error.message).includes('has not answered yet') || Date.now() > until) throw error;
    }
    await sleep(200);
  }
}
