"""What clients send and receive: requests, responses, errors, and the OpenAPI document."""
