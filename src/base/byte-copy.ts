// Copying some tens of bytes, as is done several times for each sample: a DataView moves four at a time, and unlike
// Uint8Array.set or Buffer.copy it leaves compiled code for none of it.

export function viewOf({ buffer, byteOffset, byteLength }: ArrayBufferView): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Copies from[start, end) to `to`, from `at` on. Returns the end of the copied bytes. */
// oxlint-disable-next-line max-params -- Two ranges are five, and an object for them would be one a sample.
export function copyBytes(from: DataView, start: number, end: number, to: DataView, at: number): number {
  let source = start;
  let target = at;
  for (; source + 4 <= end; source += 4, target += 4) to.setInt32(target, from.getInt32(source));
  for (; source < end; source++, target++) to.setInt8(target, from.getInt8(source));
  return target;
}
