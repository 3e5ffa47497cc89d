/** Discord's limits, in code points of the trimmed text. One text too long is a 400 for the whole message. */
export const discordLimits = {
  content: 2_000,
  embeds: 10,
  title: 256,
  description: 4_096,
  fields: 25,
  fieldName: 256,
  fieldValue: 1_024,
  footer: 2_048,
  /** All embeds of a message together. */
  embedsTotal: 6_000,
} as const;

/** Discord limits an address to 50 requests per second, whatever webhooks they are for. */
export const discordAddressRate = {
  /** Some room is left for others behind the same address. */
  requestsPerSecond: 40,
  /** No second may hold more. Two are left to test messages, which do not pass the notifier. */
  inSecondMax: 48,
  /**
   * Invalid answers in ten minutes: 10,000 bring a ban of the address. Less than 1 % of that, so that test messages, which do not pass
   * the notifier, have room beside it.
   */
  invalidMax: 80,
} as const;
