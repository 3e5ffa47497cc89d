import { Type } from 'typebox';
import { tokenBytesMax } from '../http/limits.ts';
import { orNull } from './fields.ts';
import type { Shape } from './shape.ts';

const Text = Type.String({ minLength: 1, maxLength: tokenBytesMax });
const ReturnTo = Type.String({ minLength: 1, maxLength: tokenBytesMax, description: "The page's own address" });

/** `GET /api/v1/sign-in` */
export const SignInView = Type.Object({
  issuer: orNull(Type.String(), 'The host of the issuer where people sign in; null when they bring a token'),
});
export type SignInView = Shape<typeof SignInView>;

/** The body of `POST /api/v1/sign-in/begin`. */
export const SignInBegin = Type.Object({ return_to: ReturnTo });
export type SignInBegin = Shape<typeof SignInBegin>;

export const SignInBegun = Type.Object({
  address: Type.String({ description: 'Where the issuer asks people to sign in' }),
  state: Type.String(),
  code_verifier: Type.String(),
});
export type SignInBegun = Shape<typeof SignInBegun>;

/** The body of `POST /api/v1/sign-in/finish`. */
export const SignInFinish = Type.Object({
  query: Type.String({ description: 'The query of the address that the issuer sent the window back to' }),
  state: Text,
  code_verifier: Text,
  return_to: ReturnTo,
});
export type SignInFinish = Shape<typeof SignInFinish>;

/** The body of `POST /api/v1/sign-in/renew`. */
export const SignInRenew = Type.Object({ refresh_token: Text });
export type SignInRenew = Shape<typeof SignInRenew>;

export const SignedInView = Type.Object({
  access_token: Type.String(),
  refresh_token: Type.Optional(Type.String()),
});
export type SignedInView = Shape<typeof SignedInView>;
