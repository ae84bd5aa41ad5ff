const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);
function toFloat16Bits(value) {
  float[0] = value;
  const x = bits[0];
  const sign = x >>> 16 & 32768;
  const magnitude = x & 2147483647;
  if (magnitude > 2139095040) return sign | 32256;
  if (magnitude >= 1199566848) return sign | 31744;
  if (magnitude >= 947912704) {
    const rebased = magnitude - 939524096;
    return sign | rebased + 4095 + (rebased >>> 13 & 1) >>> 13;
  }
  const units = Math.abs(float[0]) * 16777216;
  const whole = Math.floor(units);
  const rest = units - whole;
  return sign | (rest > 0.5 || rest === 0.5 && whole % 2 === 1 ? whole + 1 : whole);
}
function fromFloat16Bits(half) {
  const sign = half & 32768 ? -1 : 1;
  const exponent = half >>> 10 & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
export {
  fromFloat16Bits,
  toFloat16Bits
};
//# sourceMappingURL=float16.js.map
