"""What a change does to other objects: Services, budgets, controllers, the contents of a namespace."""
