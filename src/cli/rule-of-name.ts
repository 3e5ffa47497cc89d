import type { Command } from 'commander';
import { isRuleId } from '../rule/rule-id.ts';
import type { Rule } from '../rule/rule.ts';
import { askApi } from './api.ts';
import { shown } from './table.ts';

/** The id of a rule that is given by its id or its name. */
export async function ruleIdOf(command: Command, given: string): Promise<string> {
  if (isRuleId(given)) return given;
  const path = `/rules?${new URLSearchParams({ name: given }).toString()}`;
  const { body: named } = await askApi<readonly Rule[]>(command, { method: 'GET', path });
  if (named.length > 1)
    throw new Error(`${named.length} rules have the name ${shown(given)}: ${named.map(({ id }) => id).join(', ')}`);
  // An id of another form gets the answer of the API.
  return named[0]?.id ?? given;
}
