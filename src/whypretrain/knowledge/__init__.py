"""What fine-tuning keeps of pre-trained knowledge, and how fast models reach their own."""
