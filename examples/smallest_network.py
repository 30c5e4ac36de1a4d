"""The smallest network found in a quarter of a minute for scikit-learn's digits, as a file."""

import minbits

if __name__ == "__main__":  # the guard is needed on Windows only
    report = minbits.size("digits", accuracy=0.9, minutes=0.25, ledger="ledger.sqlite")
    found = report.best or report.nearest
    print(f"{found.size_bits:,} bits, {found.correct} of {found.n_test} test examples correct")
    print("the target was reached" if report.best else "the target was not reached")
