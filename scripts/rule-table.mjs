// Writes the table of a rule's fields into docs/RULES.md, from src/rule/rule-fields.ts. Usage: node scripts/rule-table.mjs
import { readFileSync, writeFileSync } from 'node:fs';
import { ruleFieldTable } from '../src/rule/field-table.ts';

const file = new URL('../docs/RULES.md', import.meta.url);
const text = readFileSync(file, 'utf8');
writeFileSync(
  file,
  text.replace(
    /(<!-- fields -->\n)[^]*?(\n<!-- end -->)/,
    (_whole, begin, end) => `${begin}\n${ruleFieldTable()}\n${end}`,
  ),
);
