"""Who answers a prompt: servers that speak OpenAI's chat completions, and any program."""
