from tinygrad_neuron.command.main import main

main()
