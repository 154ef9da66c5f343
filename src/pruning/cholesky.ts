/**
 * Cholesky in float64 for small dense symmetric positive definite systems. Rows are contiguous, so that the inner
 * loops are dot products of two rows.
 */

/**
 * Replaces the lower triangle of A [n, n] (row-major) by L with A = L Lᵀ; the upper triangle is neither read nor written.
 * @returns false where A is not positive definite; A is spoilt then
 */
export function factorize(a: Float64Array, n: number): boolean {
  let row = 0;
  // Four rows and two columns at a time: six loads for eight products instead of two for one.
  for (; row + 3 < n; row += 4) {
    for (let column = 0; column < row; column += 2) tile(a, n, row, column);
    for (let r = row; r < row + 4; r++) if (!finishRow(a, n, r, row)) return false;
  }
  for (; row < n; row++) if (!finishRow(a, n, row, 0)) return false;
  return true;
}

/** L of four rows in the columns `column` and `column + 1`; all before them is done. */
function tile(a: Float64Array, n: number, row: number, column: number): void {
  const r0 = row * n, r1 = r0 + n, r2 = r1 + n, r3 = r2 + n, c0 = column * n, c1 = c0 + n;
  let s00 = 0, s01 = 0, s10 = 0, s11 = 0, s20 = 0, s21 = 0, s30 = 0, s31 = 0;
  for (let k = 0; k < column; k++) {
    const left = a[c0 + k]!, right = a[c1 + k]!, x0 = a[r0 + k]!, x1 = a[r1 + k]!, x2 = a[r2 + k]!, x3 = a[r3 + k]!;
    s00 += x0 * left; s01 += x0 * right;
    s10 += x1 * left; s11 += x1 * right;
    s20 += x2 * left; s21 += x2 * right;
    s30 += x3 * left; s31 += x3 * right;
  }
  const pivot = a[c0 + column]!, between = a[c1 + column]!, next = a[c1 + column + 1]!;
  const put = (at: number, first: number, second: number): void => {
    const value = (a[at] = (a[at]! - first) / pivot);
    a[at + 1] = (a[at + 1]! - second - value * between) / next;
  };
  put(r0 + column, s00, s01);
  put(r1 + column, s10, s11);
  put(r2 + column, s20, s21);
  put(r3 + column, s30, s31);
}

/** L of one row from column `from` on; false where its pivot is not positive. */
function finishRow(a: Float64Array, n: number, row: number, from: number): boolean {
  const atRow = row * n;
  for (let column = from; column < row; column++) a[atRow + column] = (a[atRow + column]! - dot(a, atRow, column * n, column)) / a[column * n + column]!;
  const pivot = a[atRow + row]! - dot(a, atRow, atRow, row);
  if (!(pivot > 0)) return false;
  a[atRow + row] = Math.sqrt(pivot);
  return true;
}

/** Σ over the first `length` elements of a[at + i] a[bt + i], in four partial sums. */
function dot(a: Float64Array, at: number, bt: number, length: number): number {
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0, i = 0;
  for (; i + 3 < length; i += 4) {
    s0 += a[at + i]! * a[bt + i]!;
    s1 += a[at + i + 1]! * a[bt + i + 1]!;
    s2 += a[at + i + 2]! * a[bt + i + 2]!;
    s3 += a[at + i + 3]! * a[bt + i + 3]!;
  }
  for (; i < length; i++) s0 += a[at + i]! * a[bt + i]!;
  return s0 + s1 + (s2 + s3);
}

/** Solves L Lᵀ X = B in place: B [n, columns], row-major, becomes X. L as `factorize` leaves it. */
export function solveFactored(l: Float64Array, n: number, b: Float64Array, columns: number): void {
  for (let row = 0; row < n; row++) {
    for (let i = 0; i < row; i++) subtractRow(b, row, i, l[row * n + i]!, columns);
    scaleRow(b, row, 1 / l[row * n + row]!, columns);
  }
  for (let row = n - 1; row >= 0; row--) {
    for (let i = row + 1; i < n; i++) subtractRow(b, row, i, l[i * n + row]!, columns);
    scaleRow(b, row, 1 / l[row * n + row]!, columns);
  }
}

function subtractRow(b: Float64Array, row: number, from: number, factor: number, columns: number): void {
  for (let column = 0; column < columns; column++) b[row * columns + column]! -= factor * b[from * columns + column]!;
}

function scaleRow(b: Float64Array, row: number, factor: number, columns: number): void {
  for (let column = 0; column < columns; column++) b[row * columns + column]! *= factor;
}

/**
 * The diagonal of (L Lᵀ)⁻¹: [n]. Column k of L⁻¹ is built by forward substitution as row k of its transpose, and
 * (A⁻¹)_kk = Σ_i (L⁻¹)_ik².
 */
export function inverseDiagonal(l: Float64Array, n: number): Float64Array {
  const diagonal = new Float64Array(n), column = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    column[k] = 1 / l[k * n + k]!;
    let sum = column[k]! * column[k]!;
    for (let i = k + 1; i < n; i++) {
      let value = 0;
      for (let m = k; m < i; m++) value -= l[i * n + m]! * column[m]!;
      column[i] = value / l[i * n + i]!;
      sum += column[i]! * column[i]!;
    }
    diagonal[k] = sum;
  }
  return diagonal;
}
