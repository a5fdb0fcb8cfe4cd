/** Sets an entry as the latest one. Of more than `max`, the one that was set first is forgotten. */
export function setRecent<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, max: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > max) map.delete(map.keys().next().value!);
}
