/** A `localStorage` in memory. */
export function pageStorage(items = new Map<string, string>()): Storage {
  return {
    get length() { return items.size; },
    key: i => [...items.keys()][i] ?? null,
    getItem: key => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: key => void items.delete(key),
    clear: () => items.clear()
  };
}
