import * as css from './rule-conflict.module.css';
import type { Rule } from '../../../rule/rule.ts';
import { differences } from './rule-draft.ts';

interface ConflictProps {
  readonly mine: object;
  readonly theirs: Rule;
  readonly onTheirs: () => void;
  readonly onMine: () => void;
}

/** Shows both versions side by side, so that no edit is overwritten unnoticed. */
export function Conflict({ mine, theirs, onTheirs, onMine }: ConflictProps) {
  return (
    <div class={`banner ${css.conflict}`} role="alert">
      <p>
        <b>Not saved: someone else has changed this rule.</b>
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Yours</th>
            <th scope="col">Theirs</th>
          </tr>
        </thead>
        <tbody>
          {differences(mine, theirs).map((row) => (
            <tr key={row.field}>
              <th scope="row">{row.field}</th>
              <td>{row.mine}</td>
              <td>{row.theirs}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div class="actions">
        <button type="button" onClick={onTheirs}>
          Take theirs
        </button>
        <button type="button" onClick={onMine}>
          Overwrite with mine
        </button>
      </div>
    </div>
  );
}
