"""All measurements: python tests/benchmarks"""

import compare
import growth
import phases
import training_step

training_step.main()
print()
phases.main()
print()
growth.main()
print()
compare.main()
