import * as css from './send-test.module.css';
import type { TestSendView } from '../../../wire/webhooks.ts';
import { useSignal } from '@preact/signals';
import { sendTest } from '../state/inspect.ts';

/** Sends a test message to the webhook in the form. */
export function SendTest({ fields }: { readonly fields: Record<string, unknown> }) {
  const url = fields['discord_webhook_url'];
  return url === undefined || url === '' ? null : <TestButton send={() => sendTest(fields)} />;
}

/** Sends a test message, and shows Discord's answer. */
export function TestButton({ send: order }: { readonly send: () => Promise<TestSendView> }) {
  const answer = useSignal<TestSendView | { readonly problem: string } | undefined>(undefined);
  const isBusy = useSignal(false);
  const send = async (): Promise<void> => {
    isBusy.value = true;
    answer.value = undefined;
    try {
      answer.value = await order();
    } catch (error) {
      answer.value = { problem: (error as Error).message };
    }
    isBusy.value = false;
  };
  const now = answer.value;
  return (
    <div class={`${css.sendTest} writes`} data-part="send-test">
      <button
        type="button"
        class="small"
        data-key="t"
        aria-disabled={isBusy.value}
        onClick={() => !isBusy.value && void send()}
      >
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
