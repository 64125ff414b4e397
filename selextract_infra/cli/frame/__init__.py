"""What all commands share: options, output, asking, carrying a Plan out, Ctrl-C."""
