"""Built-in tasks, one a file: nothing but choices and expectations."""
