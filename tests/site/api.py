"""API clients for tests."""

from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from llmfao_site.api.tokens import make_token


class Program:
    """An API client that signs in as `user` with a token, or not at all."""

    def __init__(self, user: User | None = None) -> None:
        self.headers = {"Authorization": f"Token {make_token(user)}"} if user else {}
        self.client = Client()

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/{path}", query, headers=self.headers)

    def post(self, path: str, **body: Any) -> Any:
        return self.client.post(f"/api/{path}", body, content_type="application/json", headers=self.headers)

    def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Returns all rows of a list, over all pages."""
        found, response = [], self.get(path, **query)
        while True:
            assert response.status_code == 200, response.content
            page = response.json()
            found += page["results"]
            if page["next"] is None:
                return found
            response = self.client.get(page["next"], headers=self.headers)
