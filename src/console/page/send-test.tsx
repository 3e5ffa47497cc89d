import { useSignal } from '@preact/signals';
import type { TestSendView } from './api.ts';
import { sendTest } from './inspect.ts';

/** Sends a test message to the webhook being written, and shows what Discord really answered. */
export function SendTest({ fields }: { readonly fields: Record<string, unknown> }) {
  const said = useSignal<TestSendView | { readonly problem: string } | undefined>(undefined);
  const isBusy = useSignal(false);
  const url = fields['discord_webhook_url'];
  const send = async (): Promise<void> => {
    isBusy.value = true;
    said.value = undefined;
    try {
      said.value = await sendTest(fields);
    } catch (error) {
      said.value = { problem: (error as Error).message };
    }
    isBusy.value = false;
  };
  if (url === undefined || url === '') return null;
  const now = said.value;
  return (
    <div class="send-test">
      <button type="button" class="small" aria-disabled={isBusy.value} onClick={() => !isBusy.value && void send()}>
        {isBusy.value ? 'Sending…' : 'Send test'}
      </button>
      <p role="status">
        {now !== undefined && 'problem' in now && <span class="error">{now.problem}</span>}
        {now !== undefined && 'delivered' in now && (
          <span class={now.delivered ? 'agrees' : 'error'}>
            {now.delivered ? '✓ ' : '✗ '}
            {now.status ?? 'No answer'} in {now.took_ms} ms{now.reason !== undefined && `: ${now.reason}`}
          </span>
        )}
      </p>
    </div>
  );
}
