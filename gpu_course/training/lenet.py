"""The network of the course: a LeNet for 28×28 images of digits."""

from torch import nn


class LeNet(nn.Module):
    """Two convolutions with pooling, then three linear layers.

    After LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied
    to document recognition", Proceedings of the IEEE 86 (1998), with ReLU
    and max-pooling. Input: float32 of shape (N, 1, 28, 28). Output: logits
    of shape (N, 10); the softmax belongs to the loss.

    Pooling stands before ReLU. Both keep the order of numbers, so the result
    is that of ReLU before pooling, and ReLU has a quarter of the work.
    """

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5)  # 28 -> 24
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)  # 12 -> 8
        self.pool = nn.MaxPool2d(2)  # 24 -> 12, 8 -> 4
        self.fc1 = nn.Linear(16 * 4 * 4, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, images):
        """Return logits (N, 10) for images (N, 1, 28, 28)."""
        x = self.pool(self.conv1(images)).relu()
        x = self.pool(self.conv2(x)).relu()
        x = x.flatten(start_dim=1)
        x = self.fc1(x).relu()
        x = self.fc2(x).relu()
        return self.fc3(x)
