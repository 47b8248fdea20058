"""Why a pod does not run: facts, findings and advice."""
