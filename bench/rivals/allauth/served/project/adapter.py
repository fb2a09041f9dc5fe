"""The methods that allauth asks its host to write, and the code in the answer."""

from allauth.account.adapter import DefaultAccountAdapter

from project.models import User


class Adapter(DefaultAccountAdapter):
    def set_phone(self, user, phone, verified):
        user.phone, user.phone_verified = phone, verified
        user.save(update_fields=["phone", "phone_verified"] if user.pk else None)

    def get_phone(self, user):
        return (user.phone, user.phone_verified) if user.phone else None

    def set_phone_verified(self, user, phone):
        self.set_phone(user, phone, True)

    def get_user_by_phone(self, phone):
        return User.objects.filter(phone=phone).first()

    def send_verification_code_sms(self, user, phone, code, **kwargs):
        self.request.code = code


class ShowCode:
    """The code goes back in the same answer, as Guestlist's sandbox shows it: reading it costs no further request."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        answer = self.get_response(request)
        if code := getattr(request, "code", None):
            answer["X-Code"] = code
        return answer
