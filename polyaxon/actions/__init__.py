"""Every change of state: one function is one transaction of rows and events. Views and passes call the same ones."""
