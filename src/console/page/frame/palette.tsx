import * as css from './palette.module.css';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { RuleView } from '../../../wire/rules.ts';
import { useQuery } from '../state/query.ts';
import { api, token } from '../state/api.ts';
import { conditionSentence, plainSentence } from '../words/condition-sentence.ts';
import { Dialog } from '../parts/dialog.tsx';
import { isRenewing } from '../state/expiry.ts';
import { areKeysOn, isHelpOpen, isPaletteOpen, setKeys } from '../state/keys.ts';
import { isPaused } from '../state/pause.ts';
import { go } from '../state/router.ts';
import { navigation, titleOf } from '../state/navigation.ts';
import { setZone, zone } from '../words/zone.ts';

interface Command {
  readonly text: string;
  readonly kind: 'Go to' | 'Command' | 'Rule';
  readonly run: () => void;
}

const typingMs = 120;
const rulesShown = 8;

function commandsNow(): Command[] {
  const places = navigation.map(({ name, to }): Command => ({ text: titleOf(name), kind: 'Go to', run: () => go(to) }));
  const others: [string, () => void][] = [
    ['New rule', () => go({ screen: 'editor', id: undefined })],
    ['Rules that are firing', () => go({ screen: 'rules', search: 'state:firing' })],
    ['Rules that are disabled', () => go({ screen: 'rules', search: 'state:disabled' })],
    [
      isPaused.value ? 'Resume live data and motion' : 'Pause live data and motion',
      () => (isPaused.value = !isPaused.value),
    ],
    [
      zone.value === 'UTC' ? 'Times in this computer’s zone' : 'Times in UTC',
      () => setZone(zone.value === 'UTC' ? 'local' : 'UTC'),
    ],
    ['Keyboard shortcuts', () => (isHelpOpen.value = true)],
    [
      areKeysOn.value ? 'Turn off single-key shortcuts' : 'Turn on single-key shortcuts',
      () => setKeys(!areKeysOn.value),
    ],
    ...(token.value === ''
      ? []
      : [
          ['Sign in again', () => (isRenewing.value = true)] as [string, () => void],
          ['Sign out', () => (token.value = '')] as [string, () => void],
        ]),
  ];
  return [...places, ...others.map(([text, run]): Command => ({ text, kind: 'Command', run }))];
}

/** Finds screens, commands and rules by a few letters. A combobox by the ARIA pattern. */
export function Palette() {
  return (
    <Dialog isOpen={isPaletteOpen.value} title="Search or run a command" onClose={() => (isPaletteOpen.value = false)}>
      <Finder />
    </Dialog>
  );
}

const commandOf = ({ rule }: RuleView): Command => ({
  text: plainSentence(conditionSentence(rule)),
  kind: 'Rule',
  run: () => go({ screen: 'rule', id: rule.id }),
});

function Finder() {
  const text = useSignal('');
  const selected = useSignal(0);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const wanted = text.value.trim().toLowerCase();
  // Screens and commands are available without the server.
  const { value: rules } = useQuery(
    (signal) => api.search(wanted, { limit: rulesShown }, signal),
    { afterMs: typingMs, isWanted: wanted !== '' },
    [wanted],
  );
  const commands = commandsNow().filter((command) =>
    wanted.split(/\s+/).every((word) => command.text.toLowerCase().includes(word)),
  );
  const found = [...commands, ...(rules.value?.rules ?? []).map(commandOf)];
  const at = Math.min(selected.value, Math.max(0, found.length - 1));
  const run = (command: Command | undefined): void => {
    if (command === undefined) return;
    isPaletteOpen.value = false;
    // Once the dialog has returned the focus, what is opened may take it.
    requestAnimationFrame(command.run);
  };
  const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: found.length - 1 };
  return (
    <div class={css.palette} data-part="palette">
      <input
        ref={input}
        type="text"
        role="combobox"
        aria-label="Find a page, command or rule"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found.length === 0 ? undefined : `palette-${at}`}
        autocomplete="off"
        spellcheck={false}
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          selected.value = 0;
        }}
        onKeyDown={(event) => {
          const move = moves[event.key];
          if (event.key === 'Enter') run(found[at]);
          else if (move === undefined) return;
          else selected.value = (move + found.length) % Math.max(1, found.length);
          event.preventDefault();
          document.getElementById(`palette-${selected.value}`)?.scrollIntoView({ block: 'nearest' });
        }}
      />
      <ul id="palette-list" role="listbox" aria-label="Found">
        {found.map((command, index) => (
          <li
            key={`${command.kind} ${command.text} ${index}`}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === at}
            onPointerMove={() => (selected.value = index)}
            onClick={() => run(command)}
          >
            <span>{command.text}</span>
            <span class="hint">{command.kind}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="hint">Nothing found.</p>}
    </div>
  );
}
