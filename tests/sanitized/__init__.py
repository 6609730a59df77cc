"""The tests on instrumented code: how they are run, and that what goes wrong there is seen."""
