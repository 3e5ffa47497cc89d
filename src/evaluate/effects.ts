import { alarmRecordKey, formatAlarmRecord, type AlarmRecord } from '../alarm/alarm-record.ts';
import { formatNotification, type Notification } from '../alarm/notification.ts';

/** A record that is to be appended; whoever appends it says when. */
export interface Effect {
  readonly key: Uint8Array;
  /** null deletes. */
  readonly value: Uint8Array | null;
}

/** What is to be appended: notifications first, then states, each in order. */
export interface Effects {
  readonly notifications: readonly Effect[];
  readonly states: readonly Effect[];
}

/** What the evaluator says follows from samples: live it becomes records, in a backtest facts for people. */
export interface EffectsSink {
  /** One notification, under the key of what it goes to: a Discord webhook's numeric id, or a named receiver's key. */
  addNotification(key: string, notification: Notification): void;
  /** What an alarm has come to, its series given by its key. */
  addState(seriesKey: string, record: AlarmRecord): void;
  deleteState(key: string): void;
  /** What was gathered since the last call. */
  drain(): Effects;
}

/** Gathers what follows from samples until it is drained, as the records to be appended. */
export class EffectsBuffer implements EffectsSink {
  #notifications: Effect[] = [];
  #states: Effect[] = [];

  addNotification(key: string, notification: Notification): void {
    this.#notifications.push({
      key: Buffer.from(key),
      value: Buffer.from(formatNotification(notification)),
    });
  }

  addState(seriesKey: string, record: AlarmRecord): void {
    const key = alarmRecordKey(record.ruleId, seriesKey);
    this.#states.push({ key: Buffer.from(key), value: Buffer.from(formatAlarmRecord(record)) });
  }

  deleteState(key: string): void {
    this.#states.push({ key: Buffer.from(key), value: null });
  }

  drain(): Effects {
    const effects = { notifications: this.#notifications, states: this.#states };
    this.#notifications = [];
    this.#states = [];
    return effects;
  }
}
