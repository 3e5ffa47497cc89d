/** What Discord says to the body of a message. Lengths are code points of the trimmed text. */
export interface MessagePayload {
  readonly content?: string;
  readonly embeds?: readonly EmbedPayload[];
  readonly allowed_mentions?: AllowedMentions;
  readonly flags?: number;
  readonly username?: string;
  readonly thread_name?: string;
  readonly components?: readonly unknown[];
  readonly poll?: unknown;
}

interface EmbedPayload {
  readonly title?: string;
  readonly description?: string;
  readonly url?: string;
  readonly color?: number;
  readonly timestamp?: string;
  readonly fields?: readonly { readonly name: string; readonly value: string; readonly inline?: boolean }[];
  readonly footer?: { readonly text: string };
  readonly author?: { readonly name: string };
}

export interface AllowedMentions {
  readonly parse?: readonly string[];
  readonly roles?: readonly string[];
  readonly users?: readonly string[];
}

export interface Refusal {
  readonly status: number;
  readonly code: number;
  readonly message: string;
  readonly errors?: unknown;
}

interface Complaint {
  readonly path: readonly (string | number)[];
  readonly code: string;
  readonly message: string;
}

const componentsV2 = 32_768;
const mentionKinds = ['everyone', 'roles', 'users'];
const iso8601 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?$/;

/** Of embeds with the same url only the first is shown. */
export function shownEmbeds(payload: MessagePayload): readonly EmbedPayload[] {
  // A body that will be refused may have anything among its embeds.
  const embeds = (payload.embeds ?? []).filter(
    (embed: EmbedPayload | null) => typeof embed === 'object' && embed !== null,
  );
  return embeds.filter(
    ({ url }, index) => url === undefined || embeds.findIndex((other) => other.url === url) === index,
  );
}

/** The refusal of a body, or undefined when Discord would take it. */
export function refusalOf(body: unknown): Refusal | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return formRefusal([
      { path: [], code: 'DICT_TYPE_CONVERT', message: 'Only dictionaries may be used in a DictType' },
    ]);
  }
  const payload = body as MessagePayload;
  const complaints = [
    ...textComplaints(payload.content, ['content'], { max: 2_000 }),
    ...nameComplaints(payload.username),
    ...embedsComplaints(payload.embeds),
    ...mentionComplaints(payload.allowed_mentions),
    ...flagComplaints(payload),
  ];
  if (complaints.length > 0) return formRefusal(complaints);
  const isEmpty =
    codePoints(payload.content ?? '') === 0 &&
    !payload.embeds?.some((embed) => !isEmptyEmbed(embed)) &&
    !payload.components?.length &&
    payload.poll === undefined;
  return isEmpty ? { status: 400, code: 50_006, message: 'Cannot send an empty message' } : undefined;
}

function codePoints(text: string): number {
  return Array.from(text.trim()).length;
}

function isEmptyEmbed(embed: EmbedPayload): boolean {
  return ![
    embed.title,
    embed.description,
    embed.footer?.text,
    embed.author?.name,
    ...(embed.fields ?? []).map((field) => field.name),
  ].some((text) => text !== undefined && codePoints(text) > 0);
}

function textComplaints(
  text: unknown,
  path: Complaint['path'],
  limits: { readonly max: number; readonly isRequired?: boolean },
): Complaint[] {
  if (text === undefined || text === null) {
    return limits.isRequired ? [{ path, code: 'BASE_TYPE_REQUIRED', message: 'This field is required' }] : [];
  }
  if (typeof text !== 'string')
    return [{ path, code: 'STRING_TYPE_CONVERT', message: 'Could not interpret as string.' }];
  const length = codePoints(text);
  if (limits.isRequired && length === 0)
    return [{ path, code: 'BASE_TYPE_REQUIRED', message: 'This field is required' }];
  return length > limits.max
    ? [{ path, code: 'BASE_TYPE_MAX_LENGTH', message: `Must be ${limits.max} or fewer in length.` }]
    : [];
}

function nameComplaints(name: unknown): Complaint[] {
  if (name === undefined || name === null) return [];
  const path = ['username'];
  const complaints = textComplaints(name, path, { max: 80, isRequired: true });
  if (typeof name === 'string' && /discord|clyde/i.test(name)) {
    complaints.push({
      path,
      code: 'USERNAME_INVALID_CONTAINS',
      message: 'Username cannot contain "discord" or "clyde"',
    });
  }
  return complaints;
}

function embedsComplaints(embeds: unknown): Complaint[] {
  if (embeds === undefined || embeds === null) return [];
  const path = ['embeds'];
  if (!Array.isArray(embeds))
    return [{ path, code: 'LIST_TYPE_CONVERT', message: 'Only iterables may be used in a ListType' }];
  if (embeds.length > 10) return [{ path, code: 'BASE_TYPE_MAX_LENGTH', message: 'Must be 10 or fewer in length.' }];
  const complaints = embeds.flatMap((embed: unknown, index) => embedComplaints(embed, ['embeds', index]));
  const total =
    complaints.length > 0 ? 0 : (embeds as EmbedPayload[]).reduce((sum, embed) => sum + embedSize(embed), 0);
  if (total > 6_000) {
    complaints.push({ path, code: 'MAX_EMBED_SIZE_EXCEEDED', message: 'Embed size exceeds maximum size of 6000' });
  }
  return complaints;
}

function embedComplaints(embed: unknown, path: Complaint['path']): Complaint[] {
  if (typeof embed !== 'object' || embed === null || Array.isArray(embed)) {
    return [{ path, code: 'MODEL_TYPE_CONVERT', message: 'Only dictionaries may be used in a ModelType' }];
  }
  const { title, description, footer, author, fields, color, url, timestamp } = embed as EmbedPayload;
  const complaints = [
    ...textComplaints(title, [...path, 'title'], { max: 256 }),
    ...textComplaints(description, [...path, 'description'], { max: 4_096 }),
    ...(footer === undefined || footer === null
      ? []
      : textComplaints(footer.text, [...path, 'footer', 'text'], { max: 2_048 })),
    ...(author === undefined || author === null
      ? []
      : textComplaints(author.name, [...path, 'author', 'name'], { max: 256 })),
  ];
  if (color !== undefined && !(Number.isInteger(color) && color >= 0 && color <= 0xff_ff_ff)) {
    complaints.push({
      path: [...path, 'color'],
      code: 'NUMBER_TYPE_MAX',
      message: 'int value should be between 0 and 16777215.',
    });
  }
  if (url !== undefined && !/^https?:\/\//.test(url)) {
    complaints.push({ path: [...path, 'url'], code: 'URL_TYPE_INVALID_URL', message: 'Not a well formed URL.' });
  }
  if (timestamp !== undefined && timestamp !== null && !iso8601.test(timestamp)) {
    complaints.push({
      path: [...path, 'timestamp'],
      code: 'DATE_TIME_TYPE_PARSE',
      message: `Could not parse ${timestamp}. Should be ISO8601.`,
    });
  }
  if (fields === undefined || fields === null) return complaints;
  if (!Array.isArray(fields) || fields.length > 25) {
    return [
      ...complaints,
      { path: [...path, 'fields'], code: 'BASE_TYPE_MAX_LENGTH', message: 'Must be 25 or fewer in length.' },
    ];
  }
  return [
    ...complaints,
    ...fields.flatMap((field, index) => [
      ...textComplaints(field?.name, [...path, 'fields', index, 'name'], { max: 256, isRequired: true }),
      ...textComplaints(field?.value, [...path, 'fields', index, 'value'], { max: 1_024, isRequired: true }),
    ]),
  ];
}

function embedSize(embed: EmbedPayload): number {
  const texts = [embed.title, embed.description, embed.footer?.text, embed.author?.name];
  for (const field of embed.fields ?? []) texts.push(field.name, field.value);
  return texts.reduce((sum, text) => sum + codePoints(text ?? ''), 0);
}

function mentionComplaints(mentions: AllowedMentions | undefined | null): Complaint[] {
  if (mentions === undefined || mentions === null) return [];
  if (typeof mentions !== 'object' || Array.isArray(mentions)) {
    const message = 'Only dictionaries may be used in a DictType';
    return [{ path: ['allowed_mentions'], code: 'DICT_TYPE_CONVERT', message }];
  }
  const complaints: Complaint[] = (mentions.parse ?? []).flatMap((kind, index) =>
    mentionKinds.includes(kind)
      ? []
      : [
          {
            path: ['allowed_mentions', 'parse', index],
            code: 'BASE_TYPE_CHOICES',
            message: `Value must be one of ('${mentionKinds.join("', '")}').`,
          },
        ],
  );
  for (const kind of ['roles', 'users'] as const) {
    const ids = mentions[kind] ?? [];
    const path = ['allowed_mentions', kind];
    if (ids.length > 100)
      complaints.push({ path, code: 'BASE_TYPE_MAX_LENGTH', message: 'Must be 100 or fewer in length.' });
    if (ids.length > 0 && mentions.parse?.includes(kind)) {
      const message = `parse:["${kind}"] and ${kind}: [ids...] are mutually exclusive.`;
      complaints.push({ path: ['allowed_mentions'], code: 'MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE', message });
    }
  }
  return complaints;
}

function flagComplaints(payload: MessagePayload): Complaint[] {
  if (((payload.flags ?? 0) & componentsV2) === 0) return [];
  return (['content', 'embeds'] as const)
    .filter((field) => payload[field] !== undefined)
    .map((field) => ({
      path: [field],
      code: 'MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2',
      message: `The '${field}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2`,
    }));
}

/** The tree of errors as Discord prints it: `errors.embeds.0.title._errors`. */
function formRefusal(complaints: readonly Complaint[]): Refusal {
  interface Branch {
    [key: string]: Branch | unknown[];
  }
  const errors: Branch = {};
  for (const { path, code, message } of complaints) {
    let branch = errors;
    for (const part of path) branch = (branch[part] ??= {}) as Branch;
    ((branch['_errors'] ??= []) as unknown[]).push({ code, message });
  }
  return { status: 400, code: 50_035, message: 'Invalid Form Body', errors };
}
