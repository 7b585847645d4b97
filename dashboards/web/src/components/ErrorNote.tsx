/** What the API said against a change, where no field on the page is at fault. */

import type { ApiError } from "../client/http";
import { Icon } from "./Icon";

export function ErrorNote({ error }: { error: ApiError | null }) {
  if (!error) return null;
  return (
    <p className="error-note" role="alert" data-testid="error-note">
      <Icon name="alert" size={16} /> {error.message}
    </p>
  );
}
