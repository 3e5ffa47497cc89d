/** So that nobody gets away without reading: of each record the key's last byte, the value's 13th, and the value's length. */
export function recordChecksum(key: Uint8Array, value: Uint8Array): number {
  return key[key.length - 1]! + value[12]! + value.length;
}
