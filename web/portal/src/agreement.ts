import { pathOf } from "./codes.ts";
import { ask } from "./http.ts";
import type { Portal } from "./portal.ts";
import type { Stage } from "./SignIn.tsx";
import { browser } from "./storage.ts";

export interface AgreementText {
  title: string;
  html: string;
}

/** The texts of one version (F10). */
export interface Agreements {
  version: number;
  terms?: AgreementText | null;
  privacy?: AgreementText | null;
}

export type Part = "terms" | "privacy";

let fetched: { portal: string; agreements: Promise<Agreements> } | null = null;

/** The texts, fetched once; a failure is not kept. */
export function agreementsOf(portal: Portal): Promise<Agreements> {
  if (fetched?.portal !== portal.id) {
    const agreements = ask<Agreements>("GET", pathOf(portal, "agreements"));
    fetched = { portal: portal.id, agreements };
    agreements.catch(() => (fetched = null));
  }
  return fetched!.agreements;
}

const keyOf = (portal: string) => `portico.agreed.${portal}`;

/** Whether the version that counts is ticked: here and now, else in this browser before. */
export function agreed({ portal, typed, agreement }: Stage): boolean {
  return agreement !== null && (typed.agreed ?? Number(browser.read(keyOf(portal.id)))) === agreement;
}

/** What a sign-in says of the agreement; remembered in this browser, so that the same version is ticked once. */
export function consentOf(stage: Stage): { consent?: number } {
  const { agreement } = stage;
  if (agreement === null || !agreed(stage)) return {};
  browser.write(keyOf(stage.portal.id), String(agreement));
  return { consent: agreement };
}
