// Prometheus' annotations as a rule's description and runbook. A rule's texts have no templates: names in brackets stand for values.
import type { Warn } from './tags-of-matchers.ts';

const descriptionCharactersMax = 1_000;

export interface Texts {
  readonly description?: string;
  readonly runbook_url?: string;
}

/** In the order in which they are read. */
const descriptionAnnotations = ['summary', 'description', 'message'] as const;
const runbookAnnotations = ['runbook_url', 'runbook'] as const;
const known: ReadonlySet<string> = new Set([...descriptionAnnotations, ...runbookAnnotations]);

export function textsOf(annotations: Readonly<Record<string, string>>, warn: Warn): Texts {
  const description = descriptionOf(annotations, warn);
  const runbook = runbookOf(annotations, warn);
  for (const name of Object.keys(annotations)) if (!known.has(name)) warn(`the annotation ${name} is left out`);
  return {
    ...(description !== '' && { description }),
    ...(runbook !== undefined && { runbook_url: runbook }),
  };
}

function descriptionOf(annotations: Readonly<Record<string, string>>, warn: Warn): string {
  const texts: string[] = [];
  for (const name of descriptionAnnotations) {
    if (!Object.hasOwn(annotations, name)) continue;
    const plain = withoutTemplates(annotations[name]!);
    if (plain === undefined) warn(`the annotation ${name} is left out: its template computes something`);
    else if (plain !== '' && !texts.includes(plain)) texts.push(plain);
  }
  const text = texts.join('\n');
  const characters = Array.from(text);
  if (characters.length <= descriptionCharactersMax) return text;
  warn(`the description is cut to ${descriptionCharactersMax} characters`);
  return `${characters.slice(0, descriptionCharactersMax - 1).join('')}…`;
}

function runbookOf(annotations: Readonly<Record<string, string>>, warn: Warn): string | undefined {
  const name = runbookAnnotations.find((each) => Object.hasOwn(annotations, each));
  if (name === undefined) return undefined;
  const text = annotations[name]!.trim();
  const url = URL.parse(text);
  const isGood =
    url?.protocol === 'https:' && url.username === '' && url.password === '' && !/[\s\p{Cc}{}]/u.test(text);
  if (isGood && text.length <= descriptionCharactersMax) return text;
  warn(`the annotation ${name} is left out: a runbook is an https URL without a template`);
  return undefined;
}

const action = /\{\{-?\s*([\s\S]*?)\s*-?\}\}/g;
/** What only changes how a value is shown. */
const formatters = /^(?:humanize\w*|printf|title|toUpper|toLower|toString|safeHtml|stripPort|stripDomain)$/;

/** Words in place of templates: `{{ $labels.pod }}` is [pod]. Undefined where a template does more than to show one value. */
export function withoutTemplates(text: string): string | undefined {
  let isPlain = true;
  const plain = text.replace(action, (_all, code: string) => {
    const word = wordOf(code);
    isPlain &&= word !== undefined;
    return word ?? '';
  });
  // A template that is not closed.
  if (!isPlain || plain.includes('{{')) return undefined;
  return plain
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => !/^(?:VALUE|LABELS) = \[\w+\]$/.test(line))
    .join('\n')
    .trim();
}

/** "[pod]" of what a template's one value is. */
function wordOf(code: string): string | undefined {
  if (/^\/\*[\s\S]*\*\/$/.test(code)) return '';
  const literal = /^(?:"([^"\\]*)"|`([^`]*)`)$/.exec(code);
  if (literal !== null) return literal[1] ?? literal[2] ?? '';
  const values = [...code.matchAll(/\$(value|labels|externalLabels)(?:\.(\w+))?|index \$labels "(\w+)"/g)];
  const [only] = values;
  if (only === undefined || values.length > 1) return undefined;
  const rest = code
    .replace(only[0], ' ')
    .replaceAll(/"[^"]*"|[|()]/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '');
  if (!rest.every((word) => formatters.test(word))) return undefined;
  return `[${only[3] ?? only[2] ?? only[1]}]`;
}
