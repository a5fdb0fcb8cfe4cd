/** Sets an entry and makes it the newest. If the map has more than `max` entries, the oldest is removed. */
export function setRecent<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, max: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > max) map.delete(map.keys().next().value!);
}
