"""One module per command group; `polyaxon_cli.main` loads each only when it is called."""
