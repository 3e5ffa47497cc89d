import { Type } from 'typebox';
import { receiverKinds } from '../receiver/receiver-kinds.ts';
import { TroubledTarget } from './rules.ts';
import type { Shape } from './shape.ts';

const Limits = Type.Object({
  requests_per_minute: Type.Optional(Type.Integer()),
  notifications_per_request: Type.Optional(Type.Integer()),
});

/** `PUT /api/v1/receivers/{name}`. The noun's parser checks it. */
export const ReceiverInput = Type.Object(
  {
    kind: Type.Enum([...receiverKinds]),
    address: Type.String({ description: 'A URL. A secret; masked as it was read, it keeps the one that is there' }),
    secret: Type.Optional(
      Type.String({ description: 'Signs requests of kind webhook; left out of a change, it stays as it is' }),
    ),
    limits: Type.Optional(Limits),
  },
  { description: 'A receiver. Its secrets are written and never read back' },
);

/** `GET /api/v1/receivers/{name}` */
export const ReceiverView = Type.Object({
  name: Type.String(),
  kind: Type.Enum([...receiverKinds]),
  address: Type.String({ description: 'Masked' }),
  has_secret: Type.Boolean(),
  limits: Type.Optional(Limits),
  delivery: Type.Optional(TroubledTarget),
});
export type ReceiverView = Shape<typeof ReceiverView>;

/** `GET /api/v1/receivers` */
export const ReceiversView = Type.Object({ receivers: Type.Array(ReceiverView) });
export type ReceiversView = Shape<typeof ReceiversView>;
