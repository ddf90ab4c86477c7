// What came of a decision, for whoever shows it: the form may be gone by then.
export interface Told {
  /** How many took the step. */
  decided: number
  /** How many stay where they stand. */
  refused: number
}
