import * as css from './alarm-waterfall.module.css';
import type { AlarmDetail, NotificationView } from '../../../wire/alarms.ts';
import { Trouble } from '../parts/trouble.tsx';
import { momentText, shortText } from '../words/time-text.ts';
import { messageKindWords } from '../words/message-kinds.ts';

interface Stage {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}

const outcomeWords: Record<string, string> = {
  waiting: 'sending',
  delivered: 'delivered',
  merged: 'delivered in a combined message',
  parked: 'not delivered: webhook rejected',
  dead: 'failed',
  expired: 'expired before it could be sent',
  rerouted: 'sent to another webhook',
};

/** How long each stage took from the sample to Discord, for each message of the alarm. */
export function AlarmWaterfall({ alarm }: { readonly alarm: AlarmDetail }) {
  return (
    <section class={`card ${css.waterfall}`} data-part="waterfall">
      <h2>Delivery</h2>
      {alarm.notifications.length === 0 && (
        <p class="hint">
          {alarm.notified
            ? 'The message is no longer kept.'
            : 'No message was sent: the cooldown of the rule held it back.'}
        </p>
      )}
      {alarm.notifications.map((message) => (
        <Message key={message.id} message={message} />
      ))}
    </section>
  );
}

function Message({ message }: { readonly message: NotificationView }) {
  const { judgeable_ms: beganMs } = message;
  const stages = stagesOf(message);
  const endMs = Math.max(beganMs + 1, ...stages.map(({ toMs }) => toMs));
  const share = (ms: number): string => `${Math.max(0, Math.min(100, ((ms - beganMs) / (endMs - beganMs)) * 100))}%`;
  const isGood = message.outcome === 'delivered' || message.outcome === 'merged';
  return (
    <div class={css.waterfallMessage}>
      <p class={css.waterfallHead}>
        <b>{messageKindWords[message.kind]}</b>
        <span class={isGood ? 'good' : message.outcome === 'waiting' ? 'hint' : 'disagrees'}>
          {isGood ? '✓ ' : ''}
          {outcomeWords[message.outcome] ?? message.outcome}
          {isGood &&
            message.outcome_ms !== undefined &&
            ` ${shortText(message.outcome_ms - beganMs)} after the sample${message.kind === 'no_data' ? ' was due' : ''}`}
        </span>
        {message.deferred && <span class="hint">delayed by cooldown</span>}
        {message.reason !== undefined && <span class="disagrees">{message.reason}</span>}
      </p>
      {message.trouble !== undefined && <Trouble trouble={message.trouble} />}
      <ol>
        {stages.map(({ name, fromMs, toMs }) => (
          <li key={name}>
            <span class={css.stageName}>{name}</span>
            <span class={css.stageBar} data-part="stage-bar" aria-hidden="true">
              <i style={{ left: share(fromMs), width: `max(3px, calc(${share(toMs)} - ${share(fromMs)}))` }} />
            </span>
            <time dateTime={new Date(toMs).toISOString()} title={momentText(toMs)}>
              {shortText(toMs - fromMs)}
            </time>
          </li>
        ))}
      </ol>
    </div>
  );
}

function answerWords(outcome: string): string {
  if (outcome === 'delivered' || outcome === 'merged') return 'Accepted';
  return outcome === 'parked' || outcome === 'dead' ? 'Refused' : 'Ended';
}

function stagesOf(message: NotificationView): Stage[] {
  const {
    judgeable_ms: judgeableMs,
    appended_ms: appendedMs,
    attempted_ms: attemptedMs,
    outcome_ms: outcomeMs,
  } = message;
  const stages: Stage[] = [{ name: 'Evaluated', fromMs: judgeableMs, toMs: appendedMs }];
  if (attemptedMs !== undefined) stages.push({ name: 'Waited to send', fromMs: appendedMs, toMs: attemptedMs });
  if (outcomeMs !== undefined)
    stages.push({ name: answerWords(message.outcome), fromMs: attemptedMs ?? appendedMs, toMs: outcomeMs });
  return stages;
}
