import { alarmRecordKey, formatAlarmRecord, type AlarmRecord } from '../alarm/alarm-record.ts';
import { formatNotification, type Notice, type Notification } from '../alarm/notification.ts';

/** A record that is to be appended; whoever appends it says when. */
export interface Effect {
  readonly key: Uint8Array;
  /** null deletes. */
  readonly value: Uint8Array | null;
}

/** What is to be appended: what is written ahead, then notifications, then states, each in order. */
export interface Effects {
  /** States that name the notifications which a clock has decided on. */
  readonly ahead: readonly Effect[];
  readonly notifications: readonly Effect[];
  readonly states: readonly Effect[];
}

/** What the evaluator says follows from samples: live it becomes records, in a backtest facts for people. */
export interface EffectsSink {
  /** One notification, under the key of what it goes to: a Discord webhook's numeric id, or a named receiver's key. */
  addNotification(key: string, notification: Notification | Notice): void;
  /** A state with what is about to be appended of it, to be durable before that is; its series given by its key. */
  addAhead(seriesKey: string, record: AlarmRecord): void;
  /** What an alarm has come to, its series given by its key. */
  addState(seriesKey: string, record: AlarmRecord): void;
  deleteState(key: string): void;
  /** What was gathered since the last call. */
  drain(): Effects;
}

/** Gathers what follows from samples until it is drained, as the records to be appended. */
export class EffectsBuffer implements EffectsSink {
  #ahead: Effect[] = [];
  #notifications: Effect[] = [];
  #states: Effect[] = [];

  addNotification(key: string, notification: Notification | Notice): void {
    this.#notifications.push({
      key: Buffer.from(key),
      value: Buffer.from(formatNotification(notification)),
    });
  }

  addAhead(seriesKey: string, record: AlarmRecord): void {
    this.#ahead.push(stateOf(seriesKey, record));
  }

  addState(seriesKey: string, record: AlarmRecord): void {
    this.#states.push(stateOf(seriesKey, record));
  }

  deleteState(key: string): void {
    this.#states.push({ key: Buffer.from(key), value: null });
  }

  drain(): Effects {
    const effects = { ahead: this.#ahead, notifications: this.#notifications, states: this.#states };
    this.#ahead = [];
    this.#notifications = [];
    this.#states = [];
    return effects;
  }
}

function stateOf(seriesKey: string, record: AlarmRecord): Effect {
  return { key: Buffer.from(alarmRecordKey(record.ruleId, seriesKey)), value: Buffer.from(formatAlarmRecord(record)) };
}
