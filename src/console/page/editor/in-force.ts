import { isTold, showNotice } from '../parts/notices.tsx';
import { readInForce } from '../state/system-view.ts';

const everyMs = 200;
const tries = 40;

/** Says that a rule was saved, and then on how many instances it is active, once that is all of them. */
export async function reportInForce(id: string, words: string): Promise<void> {
  let said = `${words} It is in force within a second.`;
  showNotice(said);
  for (let count = 0; count < tries; count++) {
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    // A newer notice is more important now.
    if (!isTold(said)) return;
    const { in_force: inForce, of } = await readInForce(id).catch(() => ({ in_force: 0, of: 0 }));
    if (of === 0 || inForce < of) continue;
    said = `${words} It is in force${of === 1 ? '' : ` on ${of} of ${of} instances`}.`;
    showNotice(said);
    return;
  }
}
