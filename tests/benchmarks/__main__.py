"""All measurements: python tests/benchmarks"""

import growth
import training_step

training_step.main()
print()
growth.main()
