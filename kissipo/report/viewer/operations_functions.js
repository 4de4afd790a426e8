/** Functions of one number: activations and the functions of a calculator. */

/** The logistic function, without overflow. */
export function sigmoid(x) {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

function softplus(x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** The error function: its series, and for large x a continued fraction. */
function erf(x) {
  if (Math.abs(x) > 2.5) return Math.sign(x) * (1 - tail(Math.abs(x)));
  let [power, sum] = [x, x];
  for (let n = 1; n < 80; n++) {
    power *= (-x * x) / n;
    sum += power / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** 1 - erf(x), without the cancellation for large x. */
function erfc(x) {
  return x > 2.5 ? tail(x) : 1 - erf(x);
}

function tail(x) {
  let fraction = x;
  for (let n = 60; n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / (fraction * Math.sqrt(Math.PI));
}

function round(x) {
  const near = Math.round(x);
  return Math.abs(x % 1) === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

function gelu(x, approximate) {
  if (approximate !== "tanh") return 0.5 * x * erfc(-x / Math.SQRT2);
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

/** Functions by the names of torch: the formula, the function, the defaults of its options. */
export const FUNCTIONS = {
  relu: ["max(0, x)", (x) => Math.max(0, x)],
  relu6: ["min(max(0, x), 6)", (x) => Math.min(Math.max(0, x), 6)],
  leaky_relu: ["x if x > 0 else k · x", (x, k) => (x > 0 ? x : k * x),
    { negative_slope: 0.01 }],
  tanh: ["tanh(x)", Math.tanh],
  sigmoid: ["1 / (1 + exp(-x))", sigmoid],
  expit: ["1 / (1 + exp(-x))", sigmoid],
  log_sigmoid: ["log(sigmoid(x))", (x) => -softplus(-x)],
  gelu: ["x · Phi(x)", gelu, { approximate: "none" }],
  silu: ["x · sigmoid(x)", (x) => x * sigmoid(x)],
  mish: ["x · tanh(softplus(x))", (x) => x * Math.tanh(softplus(x))],
  elu: ["x if x > 0 else alpha (exp(x) - 1)", (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x)),
    { alpha: 1 }],
  celu: ["x if x > 0 else alpha (exp(x / alpha) - 1)",
    (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x / alpha)), { alpha: 1 }],
  selu: ["scale · (x if x > 0 else alpha (exp(x) - 1))",
    (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x))],
  softplus: ["log(1 + exp(beta x)) / beta",
    (x, beta, threshold) => (x * beta > threshold ? x : softplus(x * beta) / beta),
    { beta: 1, threshold: 20 }],
  softsign: ["x / (1 + |x|)", (x) => x / (1 + Math.abs(x))],
  hardtanh: ["min(max(x, low), high)", (x, low, high) => Math.min(Math.max(x, low), high),
    { min_val: -1, max_val: 1 }],
  hardsigmoid: ["min(max(x / 6 + 1/2, 0), 1)", (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1)],
  hardswish: ["x · min(max(x + 3, 0), 6) / 6", (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6],
  hardshrink: ["x if |x| > lambda else 0", (x, cut) => (Math.abs(x) > cut ? x : 0), { lambd: 0.5 }],
  softshrink: ["x moved towards 0 by lambda",
    (x, cut) => Math.sign(x) * Math.max(Math.abs(x) - cut, 0), { lambd: 0.5 }],
  tanhshrink: ["x - tanh(x)", (x) => x - Math.tanh(x)],
  _threshold: ["x if x > threshold else value", (x, cut, value) => (x > cut ? x : value),
    { threshold: 0, value: 0 }],
  exp: ["exp(x)", Math.exp],
  exp2: ["2 ** x", (x) => 2 ** x],
  expm1: ["exp(x) - 1", Math.expm1],
  log: ["log(x)", Math.log],
  log2: ["log2(x)", Math.log2],
  log10: ["log10(x)", Math.log10],
  log1p: ["log(1 + x)", Math.log1p],
  sqrt: ["sqrt(x)", Math.sqrt],
  rsqrt: ["1 / sqrt(x)", (x) => 1 / Math.sqrt(x)],
  square: ["x · x", (x) => x * x],
  reciprocal: ["1 / x", (x) => 1 / x],
  abs: ["|x|", Math.abs],
  absolute: ["|x|", Math.abs],
  neg: ["-x", (x) => -x],
  negative: ["-x", (x) => -x],
  positive: ["x", (x) => x],
  sign: ["sign of x", Math.sign],
  sgn: ["sign of x", Math.sign],
  floor: ["x rounded down", Math.floor],
  ceil: ["x rounded up", Math.ceil],
  round: ["x rounded", round],
  trunc: ["x without its fraction", Math.trunc],
  fix: ["x without its fraction", Math.trunc],
  frac: ["the fraction of x", (x) => x - Math.trunc(x)],
  sin: ["sin(x)", Math.sin],
  cos: ["cos(x)", Math.cos],
  tan: ["tan(x)", Math.tan],
  asin: ["asin(x)", Math.asin],
  acos: ["acos(x)", Math.acos],
  atan: ["atan(x)", Math.atan],
  sinh: ["sinh(x)", Math.sinh],
  cosh: ["cosh(x)", Math.cosh],
  erf: ["erf(x)", erf],
  erfc: ["1 - erf(x)", erfc],
  isnan: ["x is NaN", (x) => Number(Number.isNaN(x))],
  isinf: ["x is infinite", (x) => Number(Math.abs(x) === Infinity)],
  isfinite: ["x is finite", (x) => Number(Number.isFinite(x))],
  logical_not: ["not x", (x) => Number(!x)],
  nan_to_num: ["x, or a number in place of NaN",
    (x, otherwise) => (Number.isNaN(x) ? otherwise : x), { nan: 0 }],
};
