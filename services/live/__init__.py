"""The supervisor of one machine: starts, watches, restarts and stops the services, and shows what they do. Folds nothing, decides no trade."""
