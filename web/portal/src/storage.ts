/** Browser storage that may be missing, full or forbidden; the page works without, it only remembers less. */
function attempt<T>(action: () => T): T | null {
  try {
    return action();
  } catch {
    return null;
  }
}

/** For this tab, until it closes. */
export const tab = {
  read: <T>(key: string): T | null => attempt(() => JSON.parse(sessionStorage.getItem(key) ?? "null") as T | null),
  write: (key: string, value: unknown) => attempt(() => sessionStorage.setItem(key, JSON.stringify(value))),
  forget: (key: string) => attempt(() => sessionStorage.removeItem(key)),
  keys: (prefix: string): string[] => (attempt(() => Object.keys(sessionStorage)) ?? []).filter((key) => key.startsWith(prefix)),
};

/** For this browser. */
export const browser = {
  read: (key: string): string | null => attempt(() => localStorage.getItem(key)),
  write: (key: string, value: string) => attempt(() => localStorage.setItem(key, value)),
};

/**
 * Runs a call whose answer makes the browser empty its storage (Clear-Site-Data, S28), and keeps what tells nothing of the
 * person: the language and the way of signing in. Whether somebody agreed to something is theirs, and goes.
 */
export async function keepingPreferences(call: () => Promise<void>): Promise<void> {
  const kept = (attempt(() => Object.keys(localStorage)) ?? [])
    .filter((key) => /^portico\.(language|way\.)/.test(key))
    .map((key) => [key, browser.read(key)] as const);
  await call();
  for (const [key, value] of kept) if (value !== null) browser.write(key, value);
}

const wayKey = (portal: string) => `portico.way.${portal}`;

/** How somebody last came in here. */
export const rememberWay = (portal: string, way: "password" | "code") => browser.write(wayKey(portal), way);
export const rememberedWay = (portal: string): "password" | "code" => (browser.read(wayKey(portal)) === "password" ? "password" : "code");
