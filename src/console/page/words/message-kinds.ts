import type { MessageKind } from '../../../alarm/due.ts';

/** What a message is about. */
export const messageKindWords: Record<MessageKind, string> = {
  fired: 'Fired',
  raised: 'Raised',
  no_data: 'No data',
  reminder: 'Still firing',
  resolved: 'Resolved',
};
