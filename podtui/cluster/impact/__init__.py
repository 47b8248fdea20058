"""The effects of a change on other objects: Services, budgets, controllers, the contents of a namespace."""
