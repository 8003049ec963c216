"""What is added to the coordinator's settings."""

import hashlib

TOKEN = "a-token-that-only-these-tests-know-0123456789"
OTHER = "another-token-that-only-these-tests-know-9876"


def _token(token, holder):
    digest = hashlib.sha256(token.encode()).hexdigest()
    return f'\n[[access.tokens]]\nsha256 = "{digest}"\n{holder}\nexpires = "2999-01-01"\n'


ACCESS = _token(TOKEN, 'party = "9999"') + _token(OTHER, 'party = "10000"')
MULTI_USER = "\n[kubeflow]\nmulti_user = true\n"
