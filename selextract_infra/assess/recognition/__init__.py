"""What a service is and where its variables lead, by everything that tells; of files and containers alike."""
