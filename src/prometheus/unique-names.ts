// Two rules never have the same name; alerts of Prometheus often have, for two severities or two services.
import type { Translated } from './translate.ts';

const nameCharactersMax = 200;

/** Each alert with a name of its own, in their order: with its severity or its group where that tells it apart, else with a number. */
export function withUniqueNames(all: readonly Translated[]): Translated[] {
  const taken = new Set<string>();
  const count = new Map<string, number>();
  for (const { alerts } of all) count.set(alerts[0].name, (count.get(alerts[0].name) ?? 0) + 1);
  return all.map((each) => {
    const { rule } = each;
    const [alert] = each.alerts;
    const isShared = count.get(alert.name)! > 1;
    const candidates = [
      ...(isShared ? [] : [alert.name]),
      ...(rule.severity !== undefined ? [named(alert.name, rule.severity)] : []),
      ...(alert.group.trim() !== '' ? [named(alert.name, alert.group.trim())] : []),
    ];
    const name = candidates.find((one) => isName(one) && !taken.has(one)) ?? numbered(alert.name, taken);
    taken.add(name);
    return { ...each, rule: { ...rule, name } };
  });
}

function numbered(name: string, taken: ReadonlySet<string>): string {
  let number = 1;
  while (taken.has(named(name, String(number)))) number += 1;
  return named(name, String(number));
}

/** The end of a long name makes room for what is behind it. */
function named(name: string, behind: string): string {
  const end = ` (${behind})`;
  return (
    Array.from(name)
      .slice(0, Math.max(1, nameCharactersMax - end.length))
      .join('')
      .trim() + end
  );
}

/** A group's name may be any text. */
function isName(name: string): boolean {
  return Array.from(name).length <= nameCharactersMax && !/\p{Cc}/u.test(name) && name.isWellFormed();
}
